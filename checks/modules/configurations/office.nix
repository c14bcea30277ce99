# An office: names with dots and underscores, a proxy, certificates of its own, a share of Windows' by its letter.
{
  warnings = [ "leaves out underscores" ];
  module =
    { config, ... }:
    {
      networking.hostName = "nb_4711";
      wsl.defaultUser = "john.doe";
      users.users."john.doe" = {
        isNormalUser = true;
        uid = 1001;
        extraGroups = [
          "wheel"
          "dialout"
        ];
      };
      networking.proxy = {
        default = "http://proxy.example:8080";
        noProxy = "127.0.0.1,localhost,.example";
      };
      systemd.services.nix-daemon.environment = config.networking.proxy.envVars;
      security.pki.certificates = [
        ''
          -----BEGIN CERTIFICATE-----
          AAAA
          -----END CERTIFICATE-----
        ''
      ];
      fileSystems."/mnt/z" = {
        device = "Z:";
        fsType = "drvfs";
        options = [
          "nofail"
          "metadata"
        ];
      };
      wsl.wslConf.automount.mountFsTab = true;
    };
}
