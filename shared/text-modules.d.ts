/** Files that are bundled as text, by the `rules` of the TOML files, and served as they are: pages/assets.ts. */
declare module "*.js" {
  const text: string;
  export default text;
}

declare module "*.txt" {
  const text: string;
  export default text;
}

declare module "*.css" {
  const text: string;
  export default text;
}
