# Every option is described, docs/options.md is what the modules give, README's flake is the template, and every option that
# a page names, of NixOS's too, exists.
{
  pkgs,
  lib',
  inputs,
}:

let
  inherit (pkgs) lib;
  inherit (inputs.self.packages.${pkgs.stdenv.hostPlatform.system}) docs;

  # Names in code that begin like an option.
  namesIn =
    text:
    map lib.head (
      lib.filter lib.isList (builtins.split "`([a-z][a-zA-Z]*(\\.[a-zA-Z0-9_-]+)+)( = [^`]*)?`" text)
    );

  # wsl.conf, nix.nix and the like are files.
  isFile = name: builtins.match ".*\\.(conf|exe|json|lock|md|nix|service|target)" name != null;

  exists =
    path: options:
    path == [ ]
    || lib.isOption options
    || (options ? ${lib.head path} && exists (lib.tail path) options.${lib.head path});
  isOption = name: exists (lib.splitString "." name) docs.options;

  unknownIn =
    text:
    lib.filter (
      name: docs.options ? ${lib.head (lib.splitString "." name)} && !isFile name && !isOption name
    ) (namesIn text);

  # Those for users; NixOS-WSL's former options are a table of its own (upstream.nix).
  pages = lib.filter (
    name:
    lib.hasSuffix ".md" name
    && !lib.elem name [
      "coming-from-nixos-wsl.md"
      "design.md"
      "testing.md"
    ]
  ) (lib.attrNames (builtins.readDir ../../docs));
  unknown = lib.concatMap (
    page:
    map (name: "docs/${page}: no option ${name}") (
      unknownIn (builtins.readFile (../../docs + "/${page}"))
    )
  ) pages;
in
lib'.decide "docs" (
  map (name: "${name} has no description") docs.undescribed
  ++
    lib'.expect (docs.optionsPage == builtins.readFile ../../docs/options.md)
      "docs/options.md is out of date: nix eval --raw .#packages.x86_64-linux.docs.optionsPage > docs/options.md"
  ++ lib'.expect (lib.hasInfix "\n```nix\n${builtins.readFile ../../templates/default/flake.nix}```\n" (builtins.readFile ../../README.md)) "README.md shows another flake than templates/default/flake.nix"
  ++ unknown
  ++ lib'.expect (
    unknownIn "`boot.binfmt.emulatedSystems = [ ];` `services.openssh.enabel` `users.users.bob` `wsl.conf` `wsl.defaultUsr`"
    == [
      "services.openssh.enabel"
      "wsl.defaultUsr"
    ]
  ) "a name that is no option is not found out"
)
