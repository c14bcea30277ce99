# The sources that flake.lock pins, for use without flakes.
let
  inherit (builtins.fromJSON (builtins.readFile ../flake.lock)) nodes;

  fetch =
    name:
    let
      inherit (nodes.${name}) locked;
    in
    fetchTarball {
      url = "https://github.com/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
      sha256 = locked.narHash;
    };
in
{
  nixpkgs = fetch "nixpkgs";
  crane = fetch "crane";
  flake-compat = fetch "flake-compat";
}
