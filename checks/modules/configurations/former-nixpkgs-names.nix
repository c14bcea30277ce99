# What an older nixpkgs called by other names, beside what a newer one calls them.
{
  # nixpkgs' own.
  warnings = [
    "fonts.fonts' defined"
    "hardware.opengl.enable' defined"
    "hardware.opengl.extraPackages' defined"
    "nix.autoOptimiseStore' defined"
    "nix.trustedUsers' defined"
    "programs.zsh.enableAutosuggestions' defined"
    "services.openssh.passwordAuthentication' defined"
  ];
  module =
    { pkgs, ... }:
    {
      hardware.opengl.enable = true;
      hardware.opengl.extraPackages = [ pkgs.mesa ];
      fonts.fonts = [ pkgs.dejavu_fonts ];
      programs.zsh.enable = true;
      programs.zsh.enableAutosuggestions = true;
      services.openssh.passwordAuthentication = false;
      nix.autoOptimiseStore = true;
      nix.trustedUsers = [ "nixos" ];
      i18n.supportedLocales = [ "en_US.UTF-8/UTF-8" ];
    };
}
