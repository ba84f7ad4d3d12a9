import { posix } from 'node:path';

/**
 * A plugin that ends every published file with `oneCopy()` (see src/one-copy.ts): the file exports
 * what the first copy of it made in this process, whichever copy that was and in which format. The
 * body of a later copy runs and is dropped, so a body must have no effects but its values.
 */
export function oneCopyPlugin({ format, build, version }) {
  return {
    name: 'one-copy',
    renderChunk(code, { name, fileName, moduleIds }) {
      // The command is one process with one copy; and entries without a body only hand on.
      if (moduleIds.every((id) => /\/src\/(cli\/.+|one-copy|index|prom-client)\.ts$|\0/.test(id))) {
        // Compilers look for the mark in this shape.
        return code.replace(
          /Object\.defineProperties\(exports, \{ __esModule: .*\);/,
          "Object.defineProperty(exports, '__esModule', { value: true });",
        );
      }
      const key = fileName.replace(/\.c?js$/, '');
      const home = `./${posix.relative(posix.dirname(fileName), `chunks/one-copy.${format === 'es' ? 'js' : 'cjs'}`)}`;
      const words = [build, version, key].map((text) => JSON.stringify(text)).join(', ');
      return format === 'es' ? endModule(code, words, home, name) : endCommonJs(code, words, home);
    },
  };
}

function endModule(code, words, home, name) {
  const [statement, list] = /^export \{([^}]*)\};\s*$/m.exec(code) ?? [];
  if (statement === undefined || /^export /m.test(code.replace(statement, ''))) {
    throw new Error(`the chunk ${name} exports in another way than is known`);
  }
  const pairs = list
    .split(',')
    .map((text) => text.trim().split(' as '))
    .map(([local, exported = local]) => ({ local, exported }));
  // A binding that is assigned again (prom-client's contentType) stays alive on the object.
  const made = pairs.map(({ local, exported }) =>
    isAssignedAgain(code, local) ? `get ${exported}() { return ${local}; }` : `${exported}: ${local}`,
  );
  return [
    `import { oneCopy } from ${JSON.stringify(home)};\n`,
    code.replace(statement, ''),
    `const one_copy = /* @__PURE__ */ oneCopy(${words}, { ${made.join(', ')} });\n`,
    `const { ${pairs.map(({ exported }) => `${exported}: one_${exported}`).join(', ')} } = one_copy;\n`,
    `export { ${pairs.map(({ exported }) => `one_${exported} as ${exported}`).join(', ')} };\n`,
  ].join('');
}

function endCommonJs(code, words, home) {
  // Values in place of getters, since hot paths read them.
  const body = code.replace(
    /Object\.defineProperty\(exports, "([\w$]+)", \{\s*enumerable: true,\s*get: function \(\) \{\s*return ([\w$]+);\s*\}\s*\}\);/g,
    (whole, exported, local) => (isAssignedAgain(code, local) ? whole : `exports.${exported} = ${local};`),
  );
  return `const { oneCopy } = require(${JSON.stringify(home)});\n${body}\nmodule.exports = oneCopy(${words}, exports);\n`;
}

/** True if a name is declared with `let`, which classes are too. */
function isAssignedAgain(code, name) {
  return new RegExp(`^let ${name.replaceAll('$', '\\$')} = (?!class\\b)`, 'm').test(code);
}
