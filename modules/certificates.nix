# wsl.certificates: what a company's Windows trusts, trusted here: in a bundle of its own, because it is known when the
# system runs and not when it is built.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:

let
  cfg = config.wsl.certificates;
  inherit (config.security) pki;
  inherit (lib) types;
  inherit (import ./lib/types.nix { inherit lib; }) formed;

  enabled = cfg.fromWindows || cfg.folders != [ ];
  folder = "/var/lib/nixos-wsl/certificates";
  bundle = "${folder}/ca-bundle.crt";
  used = "/etc/ssl/certs/ca-certificates.crt";

  command = [
    (lib.getExe config.wsl.programs.nixos-wsl)
    "trust-certificates"
    "--base"
    "${pki.caBundle}"
  ]
  ++ lib.concatMap (folder: [
    "--folder"
    folder
  ]) cfg.folders
  ++ lib.optional cfg.fromWindows "--windows";

  # Those whose dates are somebody's concern here: nixpkgs's own are renewed with it. A path of the configuration's folder is
  # copied into the store.
  declared =
    map (file: "${file}") pki.certificateFiles
    ++ map (text: "${pkgs.writeText "certificate.pem" text}") pki.certificates;
in
{
  options.wsl.certificates = {
    fromWindows = lib.mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the root certificates that Windows trusts are trusted here, beside NixOS's own. Set it where Windows'
        management hands them out: for a proxy that opens TLS, say. Windows is asked at each start, by its PowerShell, and by
        {command}`sudo systemctl start nixos-wsl-certificates`; what it said last is kept. Certificates that Windows
        distrusts or that have expired are left out.

        Who can change the certificates of the Windows user then decides on those of Linux.
      '';
    };

    folders = lib.mkOption {
      type = types.listOf (formed "/[^[:space:]%*?\\[]+" "absolute path without spaces and patterns");
      default = [ ];
      example = [
        "/etc/company/certificates"
        "/mnt/c/ProgramData/Company/certificates"
      ];
      description = ''
        Folders with further root certificates: files with `.pem`, `.crt`, `.cer` or `.der`, in PEM or DER. They are read
        at each start, when something changes in a folder of Linux, and by
        {command}`sudo systemctl start nixos-wsl-certificates`. A folder that is not there is none. A link in one may lead
        into the Nix store, as those of {option}`environment.etc` do, or to a file of who has made it.

        Certificates that are known when the system is built belong into {option}`security.pki.certificateFiles`.
      '';
    };
  };

  config = lib.mkMerge [
    (lib.mkIf (config.wsl.enable && declared != [ ]) {
      system.systemBuilderCommands = ''
        mkdir -p $out/nixos-wsl
        printf '%s\n' ${lib.escapeShellArgs declared} >$out/nixos-wsl/certificates
      '';
    })
    (lib.mkIf (config.wsl.enable && enabled) {
      assertions = [
        {
          assertion = pki.installCACerts;
          message = "wsl.certificates needs security.pki.installCACerts: without it nothing in /etc names a bundle.";
        }
        {
          assertion = cfg.fromWindows -> config.wsl.wslConf.interop.enabled;
          message = "wsl.certificates.fromWindows asks Windows' PowerShell: set wsl.wslConf.interop.enabled.";
        }
      ];

      environment.etc =
        lib.genAttrs
          [
            "pki/tls/certs/ca-bundle.crt"
            "ssl/certs/ca-bundle.crt"
            "ssl/certs/ca-certificates.crt"
          ]
          (_: {
            source = lib.mkForce bundle;
          });

      # It is there before anybody looks, and has the new system's certificates in it: those of /etc too.
      system.activationScripts.nixosWslCertificates = {
        deps = [ "etc" ];
        text = lib.escapeShellArgs command;
      };

      # An activation has just done it, but for what comes after it: Windows' answer, and folders on drives and disks.
      systemd.services.nixos-wsl-certificates = import ./lib/background.nix {
        description = "Trust the certificates of Windows and of folders";
        command = utils.escapeSystemdExecArgs (command ++ [ "--ask" ]);
      };
      systemd.paths.nixos-wsl-certificates = lib.mkIf (cfg.folders != [ ]) {
        description = "Folders with certificates";
        wantedBy = [ "multi-user.target" ];
        pathConfig.PathChanged = cfg.folders;
      };

      # The daemon's Git and the builds that download have it from here (nixpkgs names the store's own).
      systemd.services.nix-daemon = lib.mkIf config.nix.enable {
        environment.CURL_CA_BUNDLE = lib.mkForce used;
      };
      # Programs that bring a list of their own.
      environment.sessionVariables = lib.genAttrs [
        "NIX_SSL_CERT_FILE"
        "NODE_EXTRA_CA_CERTS"
      ] (_: lib.mkDefault used);
    })
  ];
}
