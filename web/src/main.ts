import { mount } from "svelte";

import "./app.css";
import App from "./components/App.svelte";
import { gallery } from "./gallery.svelte.ts";
import { router } from "./router.svelte.ts";

// Ask for the first screen before anything is drawn.
void gallery.show(router.route, router.key);

const target = document.getElementById("app");
if (!target) throw new Error("index.html lost its #app element");
mount(App, { target });
