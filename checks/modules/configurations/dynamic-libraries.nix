# Programs of other systems at every path.
{
  wsl.compat = "full";
  programs.nix-ld.enable = true;
  services.envfs.enable = true;
}
