# Settings of NixOS that cannot act on WSL (modules/ineffective.nix warns of them): the option, why it cannot act, and what to
# do instead. `effect` says it in other words of what acts and is seldom what was meant. A row without `when` speaks where a
# configuration itself, and not a module of nixpkgs, sets the option to something that is not empty or off. `when` is asked
# with the configuration.
let
  kernel = "Windows brings the kernel, and starts it";
  loader = "Windows starts the distribution, without a boot loader";
  initrd = "there is no initrd below WSL";
  modprobe = "Windows brings the kernel with its modules, and modprobe's settings are not read";
  module = "the kernel that Windows brings has not the module that it needs";
  network = "Windows gives the distribution its network";
  clock = "WSL keeps the clock, from outside the distribution, and the two would fight";
  console = "there is no console";
  hardware = "no hardware is handed to the distribution";
  power = "Windows looks after power";
  display = "WSLg is the display, and there is no screen to log in on";
  driver = "the GPU is reached by the driver of Windows";

  remove = "Remove it.";
  off = option: "Set ${option} = false, or remove it.";
  wslconfig = key: "Set ${key} below [wsl2] in .wslconfig on Windows.";
  commandLine = wslconfig "kernelCommandLine";
  ownKernel = "Build a kernel with it, and name that by kernel below [wsl2] in .wslconfig on Windows.";
  atRoot = "Keep it for drives of your own.";

  rows =
    why: instead: options:
    map (option: { inherit option why instead; }) options;
in
# The kernel
rows modprobe "Name the modules in wsl.kernelModules." [ "boot.kernelModules" ]
++ rows modprobe commandLine [
  "boot.blacklistedKernelModules"
  "boot.extraModprobeConfig"
]
++ rows kernel commandLine [ "boot.kernelParams" ]
++ rows kernel (wslconfig "kernel") [
  "boot.extraModulePackages"
  "boot.kernelPackages"
  "boot.kernelPatches"
]
++ rows initrd remove [
  "boot.initrd.availableKernelModules"
  "boot.initrd.kernelModules"
  "boot.initrd.luks.devices"
  "boot.plymouth.enable"
]
++ rows "WSL is no container that nspawn starts" remove [ "boot.isContainer" ]

# The boot loader
++ rows loader (off "it") [
  "boot.loader.generic-extlinux-compatible.enable"
  "boot.loader.grub.enable"
  "boot.loader.systemd-boot.enable"
]
++ rows loader remove [
  "boot.loader.efi.canTouchEfiVariables"
  "boot.loader.grub.device"
  "boot.loader.grub.devices"
  "boot.loader.timeout"
]

# Disks
++ [
  # A disk that is attached is used (disks.nix).
  {
    option = "swapDevices";
    effect = "is seldom needed on WSL";
    why = "WSL makes swap, and any swap is for all distributions";
    instead = wslconfig "swap, or swapFile";
  }
]
++
  map
    (path: {
      option = "fileSystems.\"${path}\"";
      why = "WSL mounts the root, and starts from no other file system";
      instead = atRoot;
      when = config: config.fileSystems ? ${path};
    })
    [
      "/"
      "/boot"
      "/boot/efi"
    ]
++ rows hardware remove [
  "services.smartd.enable"
  "services.fstrim.enable"
]

# The clock
++ rows clock remove [
  "services.chrony.enable"
  "services.ntp.enable"
  "services.openntpd.enable"
  "services.timesyncd.enable"
  "time.hardwareClockInLocalTime"
]

# The network
++ rows network (wslconfig "networkingMode") [
  "networking.bonds"
  "networking.bridges"
  "networking.defaultGateway"
  "networking.dhcpcd.enable"
  "networking.interfaces"
  "networking.networkmanager.enable"
  "networking.useDHCP"
  "networking.vlans"
  "networking.wireless.enable"
]
++ [
  {
    option = "networking.firewall.enable";
    why = "Windows filters what comes in, and the kernel that it brings has not all modules that the rules for iptables need";
    instead = "Set networking.nftables.enable = true, whose rules are loaded, or systemd.services.firewall.enable = true to try all the same.";
    when =
      config:
      config.networking.firewall.enable
      && !config.networking.nftables.enable
      && !config.systemd.services.firewall.enable;
  }
]

# Power and hardware
++ rows power remove [
  "powerManagement.cpuFreqGovernor"
  "powerManagement.enable"
  "services.auto-cpufreq.enable"
  "services.power-profiles-daemon.enable"
  "services.thermald.enable"
  "services.tlp.enable"
]
++ rows hardware remove [
  "hardware.bluetooth.enable"
  "hardware.cpu.amd.updateMicrocode"
  "hardware.cpu.intel.updateMicrocode"
  "hardware.enableAllFirmware"
  "hardware.enableRedistributableFirmware"
  "hardware.firmware"
  "services.fwupd.enable"
]
++ rows driver "Set wsl.useWindowsDriver = true." [ "services.xserver.videoDrivers" ]
++ [
  {
    option = "wsl.useWindowsDriver";
    why = "wsl.wslConf.gpu.enabled is off, so that WSL brings no driver of Windows";
    instead = "Leave wsl.wslConf.gpu.enabled alone.";
    when = config: config.wsl.useWindowsDriver && config.wsl.wslConf.gpu.enabled == false;
  }
]

# Console and display
++ rows console "Choose keyboard and font on Windows." [
  "console.earlySetup"
  "console.enable"
  "console.font"
  "console.keyMap"
  "console.packages"
  "console.useXkbConfig"
]
++ rows console remove [
  "services.getty.autologinUser"
  "services.kmscon.enable"
]
++ [
  {
    option = "services.displayManager";
    why = display;
    instead = "Start programs from the shell, or by wsl.startMenuLaunchers; for a desktop by xrdp set services.xserver.autorun = false.";
    when =
      config:
      config.services.greetd.enable
      ||
        (config.systemd.services.display-manager.enable or false)
        && config.services.xserver.autorun
        && config.services.displayManager.enable;
  }
]

# Modules that this kernel has not
++ rows module ownKernel [
  "virtualisation.virtualbox.host.enable"
  "virtualisation.vmware.host.enable"
  "virtualisation.waydroid.enable"
]
++ [
  {
    option = "boot.supportedFilesystems.zfs";
    why = module;
    instead = ownKernel;
    when = config: config.boot.supportedFilesystems.zfs or false;
  }
]
++ rows "WSL's kernel has not its security module" remove [ "security.apparmor.enable" ]

# What a distribution of WSL has of its own
++ [
  {
    option = "wsl.interop.windowsPath";
    why = "wsl.wslConf.interop.appendWindowsPath is off, so that WSL gives no folder of Windows";
    instead = "Leave one of the two out.";
    when =
      config:
      let
        inherit (config.wsl) interop wslConf;
      in
      !wslConf.interop.appendWindowsPath && interop.windowsPath != "none" && interop.windowsPath != [ ];
  }
  {
    option = "a pattern with a backslash in wsl.interop.windowsPath";
    why = "the folders have their Linux names";
    instead = "Write it as in \"*/Windows/System32\".";
    when =
      config:
      let
        patterns = config.wsl.interop.windowsPath;
      in
      builtins.isList patterns
      && builtins.any (pattern: builtins.match ".*\\\\.*" pattern != null) patterns;
  }
  {
    option = "wsl.wrapBinSh = false";
    why = "WSL calls /bin/sh without PATH, where nothing but the wrapper works";
    instead = remove;
    when = config: !config.wsl.wrapBinSh;
  }
  {
    option = "wsl.populateBin = false";
    why = "without the programs in /bin WSL does not start the distribution; those of others in it stay";
    instead = "Remove it, or set wsl.compat = \"minimal\".";
    when = config: !config.wsl.populateBin;
  }
]
++ rows "/bin/sh is this project's, in every generation" remove [
  "wsl.binShExe"
  "wsl.binShPkg"
]
