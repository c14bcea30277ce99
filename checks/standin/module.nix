# A configuration in NixOS' words, as nixos-wsl-accept writes it, in those of ./configuration.nix. What is written in the
# latter stays as it is.
let
  inherit (builtins)
    foldl'
    isFunction
    mapAttrs
    ;

  read =
    file:
    let
      found = import file;
    in
    if isFunction found then
      translated (found {
        lib.mkForce = value: value;
      })
    else
      found;

  translated =
    module:
    foldl' merged { } (
      map read (module.imports or [ ])
      ++ [
        (if module ? wsl.defaultUser then { inherit (module.wsl) defaultUser; } else { })
        {
          users = mapAttrs (_: user: { inherit (user) uid; }) (module.users.users or { });
          etc = mapAttrs (_: file: file.text) (module.environment.etc or { });
        }
      ]
    );

  merged =
    before: after:
    before
    // after
    // {
      users = before.users or { } // after.users or { };
      etc = before.etc or { } // after.etc or { };
    };
in
read
