# libvirt, whose machines WSL's nested virtualisation runs.
{ pkgs, ... }:
{
  virtualisation.libvirtd = {
    enable = true;
    qemu.swtpm.enable = true;
  };
  programs.virt-manager.enable = true;
  users.users.nixos.extraGroups = [
    "libvirtd"
    "kvm"
  ];
  environment.systemPackages = [ pkgs.qemu ];
}
