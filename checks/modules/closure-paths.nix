# The closure budget on the built system, where the evaluation cannot look: its store paths hold no kernel, no firmware
# and no database of udev's.
{ pkgs, lib', ... }:

pkgs.runCommand "check-closure-paths"
  {
    closure = pkgs.closureInfo { rootPaths = [ lib'.default.config.system.build.toplevel ]; };
  }
  ''
    if grep -E -- '/[a-z0-9]{32}-(linux-[0-9]|linux-firmware|hwdb\.bin)' $closure/store-paths; then
      echo "the image would carry what Windows brings or nobody uses"
      exit 1
    fi
    touch $out
  ''
