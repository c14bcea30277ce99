//! Links, pipes and folders that a user swaps in every place they can write to, while root activates the system.
#![cfg(feature = "sim")]

use crate::attacker::{IMAGES, beside, world};

/// Runs as the user until `/tmp/over` exists. Names are those that activation uses, as they are and as temporary ones.
const SWAP: &str = r#"
names="bin sh init mount login nixos-wsl nixos-wsl-enter root.json passwd shadow group wsl.conf real bash"
count=0
while [ ! -e /tmp/over ]; do
  for folder in /tmp /var/tmp /dev/shm /home/nixos; do
    for name in $names; do
      for path in $folder/$name $folder/.$name $folder/.$name.new $folder/.nixos-wsl-$name; do
        rm -rf $path
        case $((count % 4)) in
          0) ln -s /opt/canary $path ;;
          1) ln /etc/shadow $path 2>/dev/null ;;
          2) mkfifo $path ;;
          3) mkdir $path; ln -s /opt/canary $path/x ;;
        esac
      done
    done
  done
  for target in /bin/sh /sbin/init /usr/lib/nixos-wsl/shells/nixos/bash /usr/lib/nixos-wsl/shells/nixos/real; do
    if ln -sfn /tmp/sh $target 2>/dev/null || mv $target /tmp/taken 2>/dev/null; then echo took $target; fi
  done
  count=$((count + 1))
  echo $count >/home/nixos/rounds
done
"#;

#[test]
#[ignore = "boots the stand-in's image: checks/run gives it"]
fn links_swapped_during_an_activation_lead_nowhere() {
    for image in IMAGES {
        let Some(sim) = world("links_swapped_during_an_activation_lead_nowhere", image) else { return };
        std::fs::create_dir_all(sim.inside("NixOS", "opt/canary")).expect("a folder");
        std::fs::write(sim.inside("NixOS", "opt/swap.sh"), SWAP).expect("a script");
        // Its own files twice: before, so that what an activation changes anyway is not taken for the user's doing.
        let look = "for path in /bin/* /sbin/init /usr/lib/nixos-wsl/bin /usr/lib/nixos-wsl/shells/*/* /etc/passwd /etc/shadow /etc/group /opt/canary; do \
                    stat -c '%n %F %a %u %g' $path; [ ! -f $path ] || sha256sum <$path; done; ls -A /opt/canary";
        let activate = "/run/current-system/activate >/dev/null 2>&1 || echo failed";
        let before = beside(&sim, image, "root", &format!("{activate}; {look}"));
        assert!(before.code == 0 && !before.out.contains("failed\n"), "{image}: {before:?}");
        let line = format!(
            "setpriv --reuid=1000 --regid=100 --clear-groups bash /opt/swap.sh & \
             while [ ! -e /home/nixos/rounds ]; do sleep 0.1; done; \
             for round in 1 2 3 4 5; do {activate}; done; touch /tmp/over; wait; {look}; test $(cat /home/nixos/rounds) -gt 1"
        );
        let after = beside(&sim, image, "root", &line);
        assert_eq!((after.code, after.out.as_str()), (0, before.out.as_str()), "{image}: {after:?}");
    }
}
