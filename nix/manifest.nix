# A folder for a web server: `manifest.json`, from which `wsl --install NAME` installs (W§8.3), and the images that it lists.
{
  pkgs,
  # Package with `bin/nixos-wsl-image`.
  tools,
}:
{
  # The address that the folder will have.
  url,
  # Systems of `nixosConfigurations`. Those of one wsl.distribution.defaultName are one entry, for two kinds of machine.
  systems,
}:

let
  inherit (pkgs) lib;

  # Windows opens such a file with a double click, and the official validator asks for the ending.
  images = map (
    { config, pkgs, ... }:
    {
      name = "${config.wsl.distribution.defaultName}-${pkgs.stdenv.hostPlatform.parsed.cpu.name}.wsl";
      path = "${config.system.build.tarball}/tarball/${config.wsl.image.fileName}";
    }
  ) systems;
  folder = pkgs.linkFarm "nixos-wsl-images" images;

  manifest = derivation {
    name = "manifest.json";
    inherit (pkgs.stdenv.buildPlatform) system;
    builder = "${tools}/bin/nixos-wsl-image";
    args = [
      "manifest"
      "--url"
      url
      "--out"
      (placeholder "out")
    ]
    ++ map ({ name, ... }: "${folder}/${name}") images;
  };
in
assert lib.assertMsg (lib.allUnique (map ({ name, ... }: name) images))
  "nixos-wsl: two of the manifest's systems have one wsl.distribution.defaultName and one kind of machine";
pkgs.linkFarm "nixos-wsl-manifest" (
  images
  ++ [
    {
      name = "manifest.json";
      path = manifest;
    }
  ]
)
