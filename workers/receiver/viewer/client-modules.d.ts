/** Bundled as text by the `rules` of the TOML file, and served as they are: files.ts. */
declare module "*.js" {
  const text: string;
  export default text;
}
