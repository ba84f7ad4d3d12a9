// memjs has no types of its own; its test describes what it uses.
declare module 'memjs' {
  const memjs: unknown;
  export default memjs;
}
