# Options that NixOS-WSL once had: each says what to write instead.
{ config, lib, ... }:

let
  wsl = path: [ "wsl" ] ++ lib.splitString "." path;
  removed = path: lib.mkRemovedOptionModule (wsl path);
  renamed = old: new: lib.mkRenamedOptionModule (wsl old) (wsl new);
in
{
  imports = [
    (renamed "automountPath" "wslConf.automount.root")
    (renamed "automountOptions" "wslConf.automount.options")
    (renamed "tarball.configPath" "image.configPath")

    (removed "docker-native" "Docker needs nothing special any more: set virtualisation.docker.enable = true.")
    (removed "nativeSystemd" ''systemd is always used; wsl.systemd.mode = "namespace" is for a WSL that cannot start it.'')
    (removed "tarball.includeConfig" "The image always holds a configuration; wsl.image.configPath chooses another.")
    (removed "extraTarballConfig" "wsl.image.files adds files to the image.")
    (removed "wslgMountX11" "WSL mounts the X11 socket, and wsl.wslg fills what is missing.")
    (removed "version.systemd" "There is one kind of start now: see wsl.systemd.mode.")
  ];

  # Snippets that NixOS-WSL has or had: those of users name them in `deps`. What they did is done by `wslRoot`.
  config.system.activationScripts = lib.mkIf config.wsl.enable (
    lib.genAttrs
      [
        "copy-launchers"
        "createBootedSystemSymlink"
        "createSbin"
        "populateBin"
        "setupLogin"
        "shimSystemd"
      ]
      (
        _:
        lib.mkOverride 900 {
          text = "";
          deps = [ "wslRoot" ];
        }
      )
  );
}
