# Every option's example is what the option takes: it evaluates, and the option's type has it. Those of options in lists and sets
# too. A module of its own takes the place of the configuration: what an assertion says of a value is ./values.nix's.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  withInner =
    option: [ option ] ++ collect (removeAttrs (option.type.getSubOptions option.loc) [ "_module" ]);
  collect = options: lib.concatMap withInner (lib.collect lib.isOption options);
  examples = lib.filter (option: option ? example) (collect lib'.default.options.wsl);

  # What a reader would write behind the equals sign. An error in it names the option's file.
  valueOf =
    { loc, example, ... }:
    if example._type or null == "literalExpression" then
      (import
        (builtins.toFile (lib.strings.sanitizeDerivationName (lib.showOption loc)) (
          lib'.withReadersFiles "{ config, lib, pkgs, ... }: { value = ${example.text}; }"
        ))
        {
          inherit (lib'.default) config pkgs;
          inherit lib;
        }
      ).value
    else
      example;

  takes =
    type: value:
    let
      taken =
        (lib.evalModules {
          modules = [
            { options.value = lib.mkOption { inherit type; }; }
            { inherit value; }
          ];
        }).config.value;
    in
    # A module's functions are not for looking into.
    (builtins.tryEval (builtins.seq (builtins.toJSON taken) true)).success;

  wrong = option: !takes option.type (valueOf option);
in
lib'.decide "examples" (
  map (option: "${lib.showOption option.loc}: its type has no such value as its example") (
    lib.filter wrong examples
  )
  ++ lib'.expect (lib.length examples >= 39) "fewer examples than the modules have"
  ++ lib'.expect (!takes lib.types.port 70000 && takes lib.types.port 80) "a wrong value is taken"
  ++ lib'.expect (
    !takes (lib.types.submodule { options.a = lib.mkOption { type = lib.types.str; }; }) { b = "c"; }
  ) "an option that a set has not is taken"
)
