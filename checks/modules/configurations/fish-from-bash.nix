# bash as login shell, which starts fish where somebody looks at it.
{ pkgs, ... }:
{
  programs.fish = {
    enable = true;
    interactiveShellInit = "set fish_greeting";
    shellAbbrs.ga = "git add";
    vendor.completions.enable = false;
  };
  programs.bash.interactiveShellInit = ''
    if [[ $(${pkgs.procps}/bin/ps --no-header --pid=$PPID --format=comm) != fish && -z ''${BASH_EXECUTION_STRING} ]]; then
      shopt -q login_shell && LOGIN_OPTION='--login' || LOGIN_OPTION=""
      exec ${pkgs.fish}/bin/fish $LOGIN_OPTION
    fi
  '';
  programs.starship.enable = true;
  programs.zoxide.enable = true;
  programs.fzf.fuzzyCompletion = true;
}
