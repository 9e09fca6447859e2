return await Cresset.Cli.CressetApp.Run(args);
