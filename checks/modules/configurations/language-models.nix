# Language models on the GPU of Windows, and programs that write code.
{ pkgs, ... }:
{
  nixpkgs.config.allowUnfreePredicate = _: true;
  wsl.useWindowsDriver = true;
  services.ollama.enable = true;
  systemd.services.ollama.environment.LD_LIBRARY_PATH = "/usr/lib/wsl/lib";
  programs.nix-ld.enable = true;
  programs.nix-ld.libraries = [ pkgs.stdenv.cc.cc.lib ];
  environment.systemPackages = [
    pkgs.nodejs
    pkgs.uv
    (pkgs.python3.withPackages (packages: [ packages.numpy ]))
  ];
}
