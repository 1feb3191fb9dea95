/** Every element of the page; the page itself comes last, when those in it are known. */
import './access/sign-in.ts';
import './help.ts';
import './producers-page.ts';
import './run-list.ts';
import './run/composer.ts';
import './run/timeline.ts';
import './run/run-page.ts';
import './portal.ts';
