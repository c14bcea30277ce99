# Coding agents by the preset, with a sandbox of their own.
{
  module =
    { pkgs, ... }:
    {
      wsl.presets.agents = true;
      environment.systemPackages = [
        pkgs.bubblewrap
        pkgs.ripgrep
      ];
      programs.npm.enable = true;
    };
  holds = config: { "nix-ld is there" = config.programs.nix-ld.enable; };
}
