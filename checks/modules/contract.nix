# Every path that WSL calls or writes through (src/wsl/contract.json) is what WSL needs it to be.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;
  contract = (lib.importJSON ../../src/wsl/contract.json).paths;

  fits =
    entries: item:
    let
      entry = entries.${item.path} or null;
    in
    {
      program =
        entry != null
        && (
          entry.type == "symlink" && lib.hasPrefix builtins.storeDir entry.target
          || entry.type == "file" && entry.mode == "0755"
        );
      file = entry != null && entry.type == "file";
      directory = entry != null && entry.type == "directory";
      absent = entry == null;
    }
    .${item.need};

  failures =
    name: system:
    let
      entries = lib'.entriesOf system;
    in
    map (item: "${name}: ${item.path} must be a ${item.need}: ${item.why}") (
      lib.filter (item: !fits entries item) contract
    );

  inherit (lib'.systems) default envfs;
  # It sets automount.mountFsTab.
  mounting = lib'.systems.custom;
  installerPaths = map (entry: entry.path) default.config.system.build.installer.spec.entries;
in
lib'.decide "contract" (
  failures "default" default
  ++ failures "envfs" envfs
  ++
    lib.concatMap
      (
        name:
        lib'.expect (
          (lib'.entriesOf default)."/usr/sbin/${name}".mode or "" == "0755"
        ) "a stock DistroLauncher runs /usr/sbin/${name} (W§9)"
      )
      [
        "adduser"
        "deluser"
        "usermod"
      ]
  ++ lib'.expect (
    (lib'.entriesOf mounting)."/etc/fstab".type or "" == "file"
  ) "with automount.mountFsTab WSL wants /etc/fstab before the first activation"
  ++ lib'.expect (lib.elem "/etc/fstab" installerPaths) "the installer has the real /etc/fstab"
  ++ lib'.expect (
    !(default.config.environment.etc.hostname.enable || default.config.environment.etc.hosts.enable)
  ) "/etc/hosts and /etc/hostname must not be links into the store, WSL writes through them"
  ++ lib'.expect (
    default.config.environment.etc."wsl.conf".mode == "0644"
  ) "/etc/wsl.conf must be a regular file"
)
