# A release's image, for somebody who is not known yet, with another user beside and a daemon that the default user may use.
{
  module = {
    imports = [ ../../../nix/release/system.nix ];
    wsl.docker-desktop.enable = true;
    wsl.startMenuLaunchers = true;
    users.users.operator = {
      isNormalUser = true;
      uid = 2000;
    };
  };
  holds = config: {
    "root's first shell after wsl --import says how a user is made" =
      builtins.match ".*To make one: nixos-wsl oobe.*" (
        builtins.replaceStrings [ "\n" ] [ " " ] config.environment.loginShellInit
      ) != null;
    "the welcome says where the configuration is, and the command to change it" =
      builtins.match ".*/etc/nixos/configuration\\.nix.*`sudo nixos-rebuild switch`.*" config.wsl.welcome.text
      != null;
    "the welcome says where the documentation is" =
      builtins.match ".*Documentation: (/nix/store/[^\n]*).*" config.wsl.welcome.text != null;
    "its file is for a double click" =
      builtins.match "nixos-wsl-[a-z0-9_]+\\.wsl" config.wsl.image.fileName != null;
    "WSL runs what asks" =
      builtins.match ".*\ncommand=/usr/lib/wsl/oobe\n.*" config.wsl.files.distributionConf != null;
    "nobody is declared for the default user" = !(config.users.users ? nixos);
    "WSL has no default user to open shells for" =
      !(config.wsl.wslConf.user ? default)
      || config.wsl.wslConf.user.default == null
      || config.wsl.wslConf.user.default == "";
  };
}
