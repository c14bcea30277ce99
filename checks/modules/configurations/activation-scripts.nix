# Scripts of one's own around those that NixOS-WSL has, as system and as user.
{ lib, pkgs, ... }:
{
  system.activationScripts = {
    mine = {
      deps = [
        "binsh"
        "populateBin"
        "specialfs"
        "users"
      ];
      text = "ln -sfn ${pkgs.bash}/bin/bash /opt/bash";
    };
    binbash.text = ''
      mkdir -p /usr/local/bin
      ln -sf /run/current-system/sw/bin/bash /usr/local/bin/bash
    '';
    late = lib.stringAfter [ "etc" "var" ] "true";
  };
  system.userActivationScripts.mine.text = "mkdir -p ~/.cache/mine";
  environment.shellInit = "export MINE=1";
  environment.loginShellInit = "test -e /run/mine || true";
  programs.bash.promptInit = "PS1='$ '";
}
