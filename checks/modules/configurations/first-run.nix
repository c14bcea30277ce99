# An image for somebody who is not known yet, with another user beside and a daemon that the default user may use.
{
  module = {
    wsl.distribution.oobe.askForUser = true;
    wsl.docker-desktop.enable = true;
    wsl.startMenuLaunchers = true;
    users.users.operator = {
      isNormalUser = true;
      uid = 2000;
    };
  };
  holds = config: {
    "nobody is declared for the default user" = !(config.users.users ? nixos);
    "WSL has no default user to open shells for" =
      !(config.wsl.wslConf.user ? default)
      || config.wsl.wslConf.user.default == null
      || config.wsl.wslConf.user.default == "";
  };
}
