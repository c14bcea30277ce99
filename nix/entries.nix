# Entries of the image spec (docs/design.md), for root.nix and the modules. Builtins only, no nixpkgs.
rec {
  # A directory of root's that everybody may read.
  directory = path: directoryOf path "0755" 0 0;

  directoryOf = path: mode: uid: gid: {
    inherit
      path
      mode
      uid
      gid
      ;
    type = "directory";
  };

  # A file of root's and a group with this text.
  text = path: mode: gid: text: {
    inherit
      path
      mode
      gid
      text
      ;
    uid = 0;
    type = "file";
  };

  # A file of root's, from the store.
  copy = path: mode: source: {
    inherit path mode source;
    uid = 0;
    gid = 0;
    type = "file";
  };

  link = path: target: {
    inherit path target;
    type = "symlink";
  };
}
