# Shares of other machines', mounted when somebody looks.
{ pkgs, ... }:
{
  fileSystems."/mnt/nas" = {
    device = "//nas.example/data";
    fsType = "cifs";
    options = [
      "x-systemd.automount"
      "noauto"
      "credentials=/etc/nas"
    ];
  };
  fileSystems."/srv/build" = {
    device = "tmpfs";
    fsType = "tmpfs";
    options = [ "size=4G" ];
  };
  boot.tmp.useTmpfs = true;
  boot.supportedFilesystems = [ "nfs" ];
  environment.systemPackages = [ pkgs.cifs-utils ];
  services.samba.enable = true;
}
