# Compilers and tools of several languages, and headers at fixed places.
{ pkgs, ... }:
{
  programs = {
    java.enable = true;
    neovim = {
      enable = true;
      defaultEditor = true;
      viAlias = true;
    };
    tmux.enable = true;
    nix-index.enable = true;
    command-not-found.enable = false;
    git = {
      enable = true;
      lfs.enable = true;
      config.core.sshCommand = "ssh.exe";
      config.credential.helper = "/mnt/c/Program\\ Files/Git/mingw64/bin/git-credential-manager.exe";
    };
    ccache.enable = true;
  };
  environment.systemPackages = with pkgs; [
    cargo
    gcc
    go
    gnumake
    rust-analyzer
  ];
  environment.pathsToLink = [
    "/include"
    "/share/zsh"
  ];
  environment.variables.CC = "gcc";
  wsl.interop.includePath = true;
}
