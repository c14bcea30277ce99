# Keys of Windows', an agent of NixOS', and one by gpg.
{ pkgs, ... }:
{
  wsl.ssh-agent.enable = true;
  programs.gnupg.agent = {
    enable = true;
    pinentryPackage = pkgs.pinentry-curses;
  };
  programs.ssh = {
    extraConfig = ''
      Host *
        AddKeysToAgent yes
    '';
    knownHosts.example.publicKey = "ssh-ed25519 AAAA";
  };
  environment.systemPackages = [ pkgs.socat ];
}
