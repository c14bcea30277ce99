# The NixOS modules for WSL: one file per option subtree.
{
  # Whoever imports the module by another way gets it once.
  key = "nixos-wsl/modules";

  imports = [
    ./agents.nix
    ./boot.nix
    ./certificates.nix
    ./compat.nix
    ./disks.nix
    ./distribution.nix
    ./docker-desktop.nix
    ./enable.nix
    ./extra-bin.nix
    ./files.nix
    ./gpu.nix
    ./image-config.nix
    ./image-files.nix
    ./image.nix
    ./ineffective.nix
    ./interop.nix
    ./keep-running.nix
    ./kernel-modules.nix
    ./namespace.nix
    ./offline-changes.nix
    ./programs.nix
    ./proxy.nix
    ./registry.nix
    ./renamed.nix
    ./root.nix
    ./ssh-agent.nix
    ./start-menu.nix
    ./store.nix
    ./systemd.nix
    ./time.nix
    ./usbip.nix
    ./users.nix
    ./version.nix
    ./vscode.nix
    ./welcome.nix
    ./wsl-conf.nix
    ./wslg.nix
  ];
}
