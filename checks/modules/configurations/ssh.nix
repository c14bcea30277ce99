# A server behind ssh, with a filter of packets.
{
  services.openssh.enable = true;
  services.openssh.settings.PasswordAuthentication = false;
  networking.nftables.enable = true;
  networking.firewall.allowedTCPPorts = [ 22 ];
  security.sudo.wheelNeedsPassword = true;
  users.users.nixos.openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA test" ];
}
