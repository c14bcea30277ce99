# agenix's module as others see it: activation scripts before and after those for users, whose passwords it decrypts.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.age;
  inherit (lib) types;
  secret =
    { name, ... }:
    {
      options = {
        file = lib.mkOption { type = types.path; };
        path = lib.mkOption {
          type = types.str;
          default = "/run/agenix/${name}";
        };
        mode = lib.mkOption {
          type = types.str;
          default = "0400";
        };
        owner = lib.mkOption {
          type = types.str;
          default = "0";
        };
        group = lib.mkOption {
          type = types.str;
          default = config.users.users.${config.age.secrets.${name}.owner}.group or "0";
        };
      };
    };
  forEach = f: lib.concatStringsSep "\n" (lib.mapAttrsToList f cfg.secrets);
in
{
  options.age = {
    secrets = lib.mkOption {
      type = types.attrsOf (types.submodule secret);
      default = { };
    };
    identityPaths = lib.mkOption {
      type = types.listOf types.path;
      default = map (key: key.path) (
        lib.filter (key: key.type == "rsa" || key.type == "ed25519") (
          lib.optionals config.services.openssh.enable config.services.openssh.hostKeys
        )
      );
    };
  };

  config = lib.mkIf (cfg.secrets != { }) {
    assertions = [
      {
        assertion = cfg.identityPaths != [ ];
        message = "age.identityPaths must be set, for example by enabling openssh.";
      }
    ];
    system.activationScripts = lib.mkIf (!config.systemd.sysusers.enable) {
      agenixNewGeneration = {
        text = ''
          mkdir -p /run/agenix.d
          grep -q "/run/agenix.d ramfs" /proc/mounts || mount -t ramfs none /run/agenix.d -o nodev,nosuid,mode=0751
        '';
        deps = [ "specialfs" ];
      };
      agenixInstall = {
        text = forEach (_: secret: "${lib.getExe pkgs.age} --decrypt -o ${secret.path} ${secret.file}");
        deps = [
          "agenixNewGeneration"
          "specialfs"
        ];
      };
      users.deps = [ "agenixInstall" ];
      agenixChown = {
        text = forEach (_: secret: "chown ${secret.owner}:${secret.group} ${secret.path}");
        deps = [
          "users"
          "groups"
        ];
      };
      agenix = {
        text = "";
        deps = [ "agenixChown" ];
      };
    };
  };
}
