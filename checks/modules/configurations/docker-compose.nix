# Docker that starts on demand, cleans up, and runs containers as services.
{ pkgs, ... }:
{
  virtualisation.docker = {
    enable = true;
    enableOnBoot = false;
    autoPrune.enable = true;
    storageDriver = "overlay2";
    daemon.settings = {
      log-driver = "journald";
      default-address-pools = [
        {
          base = "172.30.0.0/16";
          size = 24;
        }
      ];
    };
  };
  virtualisation.oci-containers = {
    backend = "docker";
    containers.web = {
      image = "nginx:alpine";
      ports = [ "8080:80" ];
      volumes = [ "/mnt/c/web:/usr/share/nginx/html:ro" ];
    };
  };
  users.extraGroups.docker.members = [ "nixos" ];
  environment.systemPackages = [
    pkgs.docker-compose
    pkgs.lazydocker
  ];
}
