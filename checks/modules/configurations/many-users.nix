# Users of every kind, none of whom can be changed by hand.
{
  module =
    { lib, pkgs, ... }:
    {
      users = {
        mutableUsers = false;
        groups.team.gid = 2000;
        users = lib.mkMerge [
          {
            nixos.initialHashedPassword = "";
            root.hashedPassword = "!";
          }
          (lib.genAttrs [ "anna" "bert" ] (name: {
            isNormalUser = true;
            group = "team";
            home = "/home/team/${name}";
            createHome = true;
            shell = if name == "anna" then pkgs.dash else "/run/current-system/sw/bin/bash";
            hashedPassword = "$y$j9T$LlxAvF5a2DS0lv8nZNMFo1$y0P4wTQ4TzEtRzQmqy1Ahpr0ZJ2KJ.2IYmDqkXLS1x7";
            openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA ${name}" ];
          }))
          {
            deploy = {
              isSystemUser = true;
              group = "team";
              useDefaultShell = true;
            };
            robot = {
              isSystemUser = true;
              group = "nogroup";
            };
          }
        ];
      };
      security.sudo.extraRules = [
        {
          groups = [ "team" ];
          commands = [
            {
              command = "/run/current-system/sw/bin/nixos-rebuild";
              options = [ "NOPASSWD" ];
            }
          ];
        }
      ];
    };
  holds = config: {
    "a system user without a shell has none" = config.users.users.robot.wslLoginShell != null;
    "a home of one's own is kept" = config.users.users.anna.home == "/home/team/anna";
  };
}
