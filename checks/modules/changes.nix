# The kinds of change that an image can build without a network: from the system in it to the derivations of changed ones,
# by name, `image` for the unchanged one (checks/modules/offline.py).
system:

let
  # NixOS's manual is a quarter of an evaluation, and no change below touches it.
  image = system.extendModules { modules = [ { documentation.nixos.enable = false; } ]; };
  toplevel = modules: (image.extendModules { inherit modules; }).config.system.build.toplevel.drvPath;
in
builtins.mapAttrs (_: module: toplevel [ module ]) {
  image = { };
  text.environment.etc."motd".text = "hello\n";
  user.users.users.carol.isNormalUser = true;
  group.users.groups.builders = { };
  service.systemd.services.hello = {
    script = "echo hello";
    wantedBy = [ "multi-user.target" ];
  };
  timer.systemd.user.services.hello = {
    script = "echo hello";
    startAt = "daily";
  };
  name.networking.hostName = "other";
  shell =
    { pkgs, ... }:
    {
      users.users.nixos.shell = "${pkgs.bashNonInteractive}/bin/bash";
    };
  program.programs.nano.nanorc = "set nowrap\n";
  sysctl.boot.kernel.sysctl."vm.swappiness" = 10;
  wsl.wsl = {
    defaultUser = "bob";
    wslConf.automount.root = "/drives";
  };
}
