# The sources that flake.lock pins, for use without flakes, as sets with `outPath` and what the lock knows of them.
let
  inherit (builtins.fromJSON (builtins.readFile ../flake.lock)) nodes;

  fetch =
    name:
    let
      inherit (nodes.${name}) locked;
    in
    {
      inherit (locked) lastModified narHash rev;
      outPath = fetchTarball {
        url = "https://github.com/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
        sha256 = locked.narHash;
      };
    };
in
{
  nixpkgs = fetch "nixpkgs";
  crane = fetch "crane";
  flake-compat = fetch "flake-compat";
}
