# The NixOS modules for WSL: one file per option subtree.
{
  imports = [
    ./compat-bin.nix
    ./distribution.nix
    ./enable.nix
    ./image.nix
    ./programs.nix
    ./root.nix
    ./users.nix
    ./version.nix
    ./wsl-conf.nix
  ];
}
