# Disks that `wsl --mount` attaches, not always all of them.
{
  module.fileSystems = {
    "/mnt/data" = {
      device = "/dev/disk/by-uuid/0c9e8f1a-5a0b-4a43-9a3c-1d2f6f6d7c11";
      fsType = "ext4";
    };
    "/mnt/photos" = {
      label = "photos";
      fsType = "btrfs";
      options = [
        "compress=zstd"
        "x-systemd.device-timeout=60s"
      ];
    };
    "/mnt/needed" = {
      device = "/dev/sdd1";
      fsType = "xfs";
      options = [ "defaults" ];
    };
    "/scratch" = {
      device = "tmpfs";
      fsType = "tmpfs";
    };
  };
  holds =
    config:
    let
      options = name: config.fileSystems.${name}.options;
      patient = [
        "nofail"
        "x-systemd.device-timeout=5s"
      ];
    in
    {
      "a disk is not waited for" = options "/mnt/data" == patient;
      "a user's own limit comes after ours" =
        options "/mnt/photos" == patient
        ++ [
          "compress=zstd"
          "x-systemd.device-timeout=60s"
        ];
      "what a user writes stays" = options "/mnt/needed" == patient ++ [ "defaults" ];
      "udev gives disks their names" = config.services.udev.enable;
      "what is no disk is as it was" = options "/scratch" == [ "defaults" ];
    };
}
