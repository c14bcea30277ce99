# A company's laptop: its own certificates, those of Windows, and Windows' proxy.
{
  module = {
    wsl.certificates.fromWindows = true;
    wsl.certificates.folders = [
      "/mnt/c/ProgramData/Company/certificates"
      "/mnt/c/$RECYCLE.BIN"
    ];
    wsl.proxy.fromWindows = true;
    wsl.useWindowsDriver = true;
    wsl.wslLibExtraLinks = [ "/usr/lib/wsl/drivers/$HOME/100%/libx.so" ];
    security.pki.certificates = [ "a certificate" ];
    security.pki.certificateFiles = [ ./company.nix ];
    nix.settings.netrc-file = "/etc/nix/netrc";
  };
  holds =
    config:
    let
      inherit (config.systemd.services) nix-daemon nixos-wsl-certificates nixos-wsl-graphics;
      activation = config.system.activationScripts.nixosWslCertificates.text;
      bundle = "/var/lib/nixos-wsl/certificates/ca-bundle.crt";
    in
    {
      "every name of the bundle leads to the one that is made" =
        config.environment.etc."ssl/certs/ca-certificates.crt".source == bundle
        && config.environment.etc."pki/tls/certs/ca-bundle.crt".source == bundle;
      "it is there when a system becomes active" =
        builtins.match ".*trust-certificates --base /nix/store/.*--windows.*" activation != null;
      "an activation does not wait for Windows" = builtins.match ".*--ask.*" activation == null;
      "the unit asks" =
        builtins.match ".*\"--windows\" \"--ask\"" nixos-wsl-certificates.serviceConfig.ExecStart != null;
      "a folder that changes starts it" =
        config.systemd.paths.nixos-wsl-certificates.pathConfig.PathChanged == [
          "/mnt/c/ProgramData/Company/certificates"
          "/mnt/c/$RECYCLE.BIN"
        ]
        && config.systemd.paths.nixos-wsl-certificates.wantedBy == [ "multi-user.target" ];
      "Nix's daemon starts anew with another proxy" =
        builtins.match ".*/bin/nixos-wsl\" \"windows-proxy\" \"--restart\" \"nix-daemon[.]service\"" config.systemd.services.nixos-wsl-proxy.serviceConfig.ExecStart
        != null;
      "systemd takes nothing in a path for a variable or a specifier" =
        builtins.match ".*\"/mnt/c/[$][$]RECYCLE[.]BIN\".*" nixos-wsl-certificates.serviceConfig.ExecStart
        != null
        &&
          builtins.match ".*\"/usr/lib/wsl/drivers/[$][$]HOME/100%%/libx.so\".*" nixos-wsl-graphics.serviceConfig.ExecStart
          != null;
      "Nix's daemon has both" =
        nix-daemon.environment.CURL_CA_BUNDLE == "/etc/ssl/certs/ca-certificates.crt"
        && nix-daemon.serviceConfig.EnvironmentFile == "-/run/nixos-wsl/proxy.env";
      "sudo keeps the proxy" =
        builtins.match ".*env_keep [+]= \"http_proxy HTTP_PROXY https_proxy HTTPS_PROXY no_proxy NO_PROXY\".*" config.security.sudo.extraConfig
        != null;
      "the doctor knows the certificate" =
        builtins.match ".*nixos-wsl/certificates\n.*" config.system.systemBuilderCommands != null;
      "a certificate's file comes with the system" = builtins.any (
        path: builtins.match ".*-company.nix" path != null
      ) (builtins.attrNames (builtins.getContext config.system.systemBuilderCommands));
    };
}
