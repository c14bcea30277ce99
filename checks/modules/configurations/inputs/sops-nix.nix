# sops-nix's module as others see it: secrets for users before the script for users, the others after it, or units instead
# where systemd or userborn makes the users.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.sops;
  inherit (lib) types;
  secret =
    { config, name, ... }:
    {
      options = {
        neededForUsers = lib.mkEnableOption "decryption before users are made";
        owner = lib.mkOption {
          type = types.nullOr types.str;
          default = null;
        };
        mode = lib.mkOption {
          type = types.str;
          default = "0400";
        };
        sopsFile = lib.mkOption {
          type = types.path;
          default = cfg.defaultSopsFile;
        };
        restartUnits = lib.mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        path = lib.mkOption {
          type = types.str;
          default = "/run/secrets${lib.optionalString config.neededForUsers "-for-users"}/${name}";
        };
      };
    };
  isEarly = secret: secret.neededForUsers;
  early = lib.filter isEarly (lib.attrValues cfg.secrets);
  late = lib.filter (secret: !isEarly secret) (lib.attrValues cfg.secrets);
  manifest =
    secrets:
    pkgs.writeText "manifest.json" (
      builtins.toJSON (map (secret: removeAttrs secret [ "_module" ]) secrets)
    );
  install = secrets: "${lib.getExe pkgs.sops} --decrypt ${manifest secrets}";
in
{
  options.sops = {
    secrets = lib.mkOption {
      type = types.attrsOf (types.submodule secret);
      default = { };
    };
    defaultSopsFile = lib.mkOption { type = types.path; };
    validateSopsFiles = lib.mkOption {
      type = types.bool;
      default = true;
    };
    age = {
      keyFile = lib.mkOption {
        type = types.nullOr types.str;
        default = null;
      };
      generateKey = lib.mkEnableOption "a key of this machine";
      sshKeyPaths = lib.mkOption {
        type = types.listOf types.path;
        default = map (key: key.path) (
          lib.filter (key: key.type == "ed25519") (
            lib.optionals config.services.openssh.enable config.services.openssh.hostKeys
          )
        );
      };
    };
    useSystemdActivation = lib.mkOption {
      type = types.bool;
      default = config.systemd.sysusers.enable || config.services.userborn.enable;
    };
  };

  config = lib.mkIf (cfg.secrets != { }) {
    assertions = [
      {
        assertion = cfg.age.keyFile != null || cfg.age.sshKeyPaths != [ ];
        message = "No key source configured for sops.";
      }
    ];
    systemd.services.sops-install-secrets = lib.mkIf cfg.useSystemdActivation {
      wantedBy = [ "sysinit.target" ];
      after = [
        "local-fs.target"
        "systemd-sysusers.service"
        "userborn.service"
      ];
      requiredBy = [ "sysinit-reactivation.target" ];
      before = [ "sysinit-reactivation.target" ];
      unitConfig.DefaultDependencies = "no";
      serviceConfig.ExecStart = install late;
    };
    system.activationScripts = lib.mkIf (!cfg.useSystemdActivation) {
      setupSecretsForUsers = lib.mkIf (early != [ ]) (
        lib.stringAfter ([ "specialfs" ] ++ lib.optional cfg.age.generateKey "generate-age-key") (
          install early
        )
        // {
          supportsDryActivation = true;
        }
      );
      users = lib.mkIf (early != [ ]) { deps = [ "setupSecretsForUsers" ]; };
      setupSecrets = lib.mkIf (late != [ ]) (
        lib.stringAfter [
          "specialfs"
          "users"
          "groups"
        ] (install late)
      );
      generate-age-key = lib.mkIf cfg.age.generateKey (
        lib.stringAfter [ ] "test -f ${cfg.age.keyFile} || ${pkgs.age}/bin/age-keygen -o ${cfg.age.keyFile}"
      );
    };
  };
}
