# A company's laptop: its own certificates, those of Windows, and Windows' proxy.
{
  module = {
    wsl.certificates.fromWindows = true;
    wsl.certificates.folders = [ "/mnt/c/ProgramData/Company/certificates" ];
    wsl.proxy.fromWindows = true;
    security.pki.certificates = [ "a certificate" ];
    nix.settings.netrc-file = "/etc/nix/netrc";
  };
  holds =
    config:
    let
      inherit (config.systemd.services) nix-daemon;
      bundle = "/var/lib/nixos-wsl/certificates/ca-bundle.crt";
    in
    {
      "every name of the bundle leads to the one that is made" =
        config.environment.etc."ssl/certs/ca-certificates.crt".source == bundle
        && config.environment.etc."pki/tls/certs/ca-bundle.crt".source == bundle;
      "it is there when a system becomes active" =
        builtins.match ".*trust-certificates --base /nix/store/.*--windows.*" config.system.activationScripts.nixosWslCertificates
        != null;
      "an activation does not wait for Windows" =
        builtins.match ".*--ask.*" config.system.activationScripts.nixosWslCertificates == null;
      "the unit asks" =
        builtins.match ".*--windows --ask" config.systemd.services.nixos-wsl-certificates.serviceConfig.ExecStart
        != null;
      "Nix's daemon has both" =
        nix-daemon.environment.CURL_CA_BUNDLE == "/etc/ssl/certs/ca-certificates.crt"
        && nix-daemon.serviceConfig.EnvironmentFile == "-/run/nixos-wsl/proxy.env";
      "sudo keeps the proxy" =
        builtins.match ".*env_keep [+]= \"http_proxy .*" config.security.sudo.extraConfig != null;
      "the doctor knows the certificate" =
        builtins.match ".*nixos-wsl/certificates\n.*" config.system.systemBuilderCommands != null;
    };
}
