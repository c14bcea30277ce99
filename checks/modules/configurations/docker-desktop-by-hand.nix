# Docker Desktop as it was set up before NixOS-WSL had an option: names in /bin, and a service that is changed.
{
  warnings = [
    "/bin/groupadd has several sources"
    "/bin/usermod has several sources"
  ];
  module =
    { lib, pkgs, ... }:
    {
      wsl = {
        docker-desktop.enable = true;
        wslConf.interop.appendWindowsPath = false;
        extraBin = with pkgs; [
          { src = "${coreutils}/bin/mkdir"; }
          { src = "${coreutils}/bin/cat"; }
          { src = "${coreutils}/bin/whoami"; }
          { src = "${coreutils}/bin/ls"; }
          { src = "${busybox}/bin/addgroup"; }
          { src = "${su}/bin/groupadd"; }
          { src = "${su}/bin/usermod"; }
        ];
      };
      systemd.services.docker-desktop-proxy.script = lib.mkForce ''
        /mnt/wsl/docker-desktop/docker-desktop-user-distro proxy --docker-desktop-root /mnt/wsl/docker-desktop
      '';
    };
}
