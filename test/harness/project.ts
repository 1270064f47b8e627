import { packageFolder } from '../../src/package.js';

/** The folder of the project, wherever the compiled tests lie in it. */
export const projectFolder = packageFolder();
