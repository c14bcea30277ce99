# Windows' driver for programs of other systems.
{ config, ... }:
{
  wsl.useWindowsDriver = true;
  programs.nix-ld.enable = true;
  programs.nix-ld.libraries = config.hardware.graphics.extraPackages;
  environment.sessionVariables.LD_LIBRARY_PATH = [ "/run/opengl-driver/lib" ];
}
