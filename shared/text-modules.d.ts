/** Bundled as text by the `rules` of the TOML file, and served as it is: shared/script.ts. */
declare module "htmx.org/dist/htmx.min.js" {
  const text: string;
  export default text;
}
