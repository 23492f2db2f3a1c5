/**
 * What the keys do, and a switch for those that are single characters: what types for someone, such as speech input,
 * would press them by chance (WCAG 2.1.4). The script shows it, and remembers it.
 */
export function Keys() {
  return (
    <p class="keys">
      <span>
        Keys: <kbd>j</kbd> <kbd>k</kbd> or arrows through the list, <kbd>Enter</kbd> opens, <kbd>/</kbd> searches,{" "}
        <kbd>Esc</kbd> goes back.
      </span>
      <label hidden>
        <input type="checkbox" id="characters" autocomplete="off" />
        Use <kbd>j</kbd>, <kbd>k</kbd> and <kbd>/</kbd>
      </label>
    </p>
  );
}
