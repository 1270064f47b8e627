/** npm run build */
import { build, installPackages, steps } from './steps.mjs';

steps(installPackages, build);
