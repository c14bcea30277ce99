# The options of NixOS-WSL below `wsl` (its main branch of July 2026, and those that it has removed or renamed), and what
# each is here: `same` means the name, type and meaning, with a remark where one is due; `alias` works and warns with the
# new name; `gone` is refused with what to write instead, which stands here too.
{
  same = {
    "binShExe" = "for modules that read it; `/bin/sh` is always the wrapper, and a setting warns";
    "binShPkg" = "as `binShExe`";
    "defaultUser" = "";
    "docker-desktop.enable" = "";
    "enable" = "";
    "extraBin" =
      "for coreutils and others not needed: `wsl.compat` has them. Of several with one name the last one counts, and a warning names both; a package in the list is refused with what to write";
    "interop.includePath" = "also chooses what the shells add to `PATH`";
    "interop.register" =
      "not needed with emulated systems: nothing removes the entry for Windows programs";
    "populateBin" = "`/bin` is always kept up to date; `false` warns";
    "ssh-agent.enable" = "";
    "ssh-agent.package" = "";
    "ssh-agent.users" = "";
    "startMenuLaunchers" = "";
    "usbip.autoAttach" = "";
    "usbip.enable" = "";
    "usbip.snippetIpAddress" =
      "an address becomes `wsl.usbip.host`; a shell command has no effect and warns, the default is the gateway";
    "useWindowsDriver" = "";
    "version.release" = "this project's version";
    "version.rev" = "this project's revision";
    "wrapBinSh" = "always on; `false` warns";
    "wslConf" = "any other section and key too";
    "wslConf.automount.enabled" = "";
    "wslConf.automount.ldconfig" = "";
    "wslConf.automount.mountFsTab" = "";
    "wslConf.automount.options" = "";
    "wslConf.automount.root" = "";
    "wslConf.boot.command" = "";
    "wslConf.boot.initTimeout" = "";
    "wslConf.boot.systemd" =
      ''`false` is refused: `wsl.systemd.mode = "namespace"` is for a WSL that starts no systemd'';
    "wslConf.interop.appendWindowsPath" = "`false` also keeps the shells from adding Windows' folders";
    "wslConf.interop.enabled" = "";
    "wslConf.network.generateHosts" = "";
    "wslConf.network.generateResolvConf" = "";
    "wslConf.network.hostname" = "";
    "wslConf.user.default" = ''"root" is refused: `wsl.defaultUser` names a user'';
    "wslLib" = "";
    "wslLibExtraLinks" = "not needed for new driver files: all of `/usr/lib/wsl/lib` is linked at boot";
  };

  alias = {
    "automountOptions" = "wslConf.automount.options";
    "automountPath" = "wslConf.automount.root";
    "docker" = "docker-desktop";
    "tarball.configPath" = "image.configPath";
  };

  gone = {
    "compatibility.interopPreserveArgvZero" = "needless: `argv[0]` is always kept";
    "docker-native" = "`virtualisation.docker.enable`";
    "extraTarballConfig" = "`wsl.image.files`";
    "interop.preserveArgvZero" = "needless: `argv[0]` is always kept";
    "nativeSystemd" = "needless: systemd is always used";
    "tarball.includeConfig" =
      "needless: the image always has a configuration, `wsl.image.configPath` chooses another";
    "version.systemd" = "`wsl.systemd.mode`";
    "wslgMountX11" = "needless: WSL mounts the X11 socket";
  };
}
