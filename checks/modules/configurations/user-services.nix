# Services and timers of users and of the system, and files that are the user's.
{ config, pkgs, ... }:
let
  user = config.users.users.${config.wsl.defaultUser};
in
{
  systemd.user = {
    services.notes = {
      wantedBy = [ "default.target" ];
      serviceConfig.ExecStart = "${pkgs.syncthing}/bin/syncthing";
    };
    timers.notes.timerConfig.OnCalendar = "hourly";
    tmpfiles.rules = [ "d %h/notes 0700" ];
  };
  services.syncthing = {
    enable = true;
    user = config.wsl.defaultUser;
    group = "users";
    dataDir = user.home;
  };
  services.cron = {
    enable = true;
    systemCronJobs = [ "@hourly ${user.name} true" ];
  };
  services.emacs.enable = true;
  systemd.tmpfiles.settings.mine."${user.home}/.config".d = {
    user = user.name;
    inherit (user) group;
  };
  users.users.${config.wsl.defaultUser}.linger = true;
}
