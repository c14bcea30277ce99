# Every option is described, docs/options.md is what the modules give, and README's flake is the template.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (inputs.self.packages.${pkgs.stdenv.hostPlatform.system}) docs;
in
lib'.decide "docs" (
  map (name: "${name} has no description") docs.undescribed
  ++
    lib'.expect (docs.optionsPage == builtins.readFile ../../docs/options.md)
      "docs/options.md is out of date: nix eval --raw .#packages.x86_64-linux.docs.optionsPage > docs/options.md"
  ++ lib'.expect (pkgs.lib.hasInfix "\n```nix\n${builtins.readFile ../../templates/default/flake.nix}```\n" (builtins.readFile ../../README.md)) "README.md shows another flake than templates/default/flake.nix"
)
