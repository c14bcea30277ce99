# Types of options whose values have a form.
{ lib }:

{
  # A string that matches `pattern` as a whole. A value that does not is refused with `description`, which says what to
  # write.
  formed =
    pattern: description:
    lib.types.strMatching pattern
    // {
      inherit description;
      descriptionClass = "noun";
    };
}
