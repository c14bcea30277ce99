# wsl.ssh-agent: the keys of the Windows agent in Linux.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.ssh-agent;
  inherit (lib) types;
  missing = lib.filter (user: !config.users.users ? ${user}) (
    if lib.isList cfg.users then cfg.users else [ ]
  );
  names = map (user: config.users.users.${user}.name) cfg.users;

  # Only shells of those users: a system service must not wait for an agent that nobody started for it. Tests and
  # assignments alone, which the login wrapper understands without starting a shell.
  tests =
    if lib.isList cfg.users then
      map (name: ''[ "''${USER-}" = "${name}" ]'') names
    else if cfg.users == "@system" then
      [ ''[ "''${USER-}" = root ]'' ]
    else
      [ ''[ "''${USER-}" != root ]'' ];
  export = test: ''
    if [ -z "''${SSH_AUTH_SOCK-}" ] && [ -n "''${XDG_RUNTIME_DIR-}" ] && ${test}; then
      export SSH_AUTH_SOCK="$XDG_RUNTIME_DIR/wsl2-ssh-agent.sock"
    fi
  '';
in
{
  options.wsl.ssh-agent = {
    enable = lib.mkOption {
      type = types.bool;
      default = false;
      description = "Whether `ssh` uses the agent of Windows (OpenSSH's, or one that takes its place such as 1Password's).";
    };
    package = lib.mkPackageOption pkgs "wsl2-ssh-agent" { };
    users = lib.mkOption {
      type = types.either (types.enum [
        "!@system"
        "@system"
      ]) (types.nonEmptyListOf types.str);
      default = "!@system";
      example = [ "alice" ];
      description = "Who gets it: attributes in {option}`users.users`, or `\"!@system\"` for everybody but root and system users.";
    };
  };

  config = lib.mkIf (config.wsl.enable && cfg.enable) {
    assertions = [
      {
        assertion = missing == [ ];
        message = "wsl.ssh-agent.users names users that users.users does not have: ${lib.concatStringsSep ", " missing}.";
      }
    ];

    systemd.user.services.wsl2-ssh-agent = {
      description = "Bridge to the ssh agent of Windows";
      wantedBy = [ "default.target" ];
      unitConfig.ConditionUser = if lib.isList cfg.users then map (name: "|${name}") names else cfg.users;
      serviceConfig = {
        ExecStart = "${lib.getExe cfg.package} --verbose --foreground --socket=%t/wsl2-ssh-agent.sock";
        Restart = "on-failure";
      };
    };

    environment.extraInit = lib.concatMapStrings export tests;
  };
}
